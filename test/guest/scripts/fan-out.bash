# Two hundred children at once, in turn, and sixteen at a time.
for i in $(seq 200); do (echo "$i") & done | sort -n | md5sum
seq 200 | xargs -P 16 -n 1 sh -c 'echo $0' | sort -n | md5sum
for i in $(seq 200); do (exit $((i % 7))) & children[i]=$!; done
sum=0; for i in $(seq 200); do wait "${children[i]}"; sum=$((sum + $?)); done; echo $sum
