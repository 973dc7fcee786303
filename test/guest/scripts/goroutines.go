// Ten thousand goroutines, signals, child processes, tickers, preemption of a loop, TCP, a nil pointer, a panic.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	var all sync.WaitGroup
	var sum int64
	gate := make(chan int)
	for i := 0; i < 10000; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			<-gate
			atomic.AddInt64(&sum, int64(i))
			runtime.Gosched()
		}(i)
	}
	close(gate)
	all.Wait()
	fmt.Println(sum)

	signals := make(chan os.Signal, 10)
	signal.Notify(signals, syscall.SIGUSR1)
	for i := 0; i < 5; i++ {
		syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		fmt.Println(<-signals)
	}

	out, err := exec.Command("echo", "hi").Output()
	fmt.Printf("%q %v\n", out, err)
	sleeper := exec.Command("sleep", "10")
	sleeper.Start()
	sleeper.Process.Kill()
	fmt.Println(sleeper.Wait())

	ticker := time.NewTicker(5 * time.Millisecond)
	for i := 0; i < 5; i++ {
		<-ticker.C
	}
	done := make(chan int)
	go func() {
		x := 0
		for i := 0; i < 200000000; i++ {
			x += i
		}
		done <- x
	}()
	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	fmt.Println(<-done)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fmt.Println(err)
	go func() {
		c, _ := listener.Accept()
		c.Write([]byte("by TCP"))
		c.Close()
	}()
	c, err := net.Dial("tcp", listener.Addr().String())
	fmt.Println(err)
	buffer := make([]byte, 10)
	n, _ := c.Read(buffer)
	fmt.Println(string(buffer[:n]))

	func() {
		defer func() { fmt.Println(recover()) }()
		var p *int
		fmt.Println(*p)
	}()
	panic("the end")
}
