import threading, time

totals = []


def work(n):
    total = 0
    for i in range(400_000):
        total = (total * 31 + i * n) % 1_000_003
        if i % 50_000 == 0:
            time.sleep(0.01)
    totals.append((n, total))


threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(totals))
