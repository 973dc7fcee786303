# A compressor with threads; what it made is what it takes apart.
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder" || exit 1
seq 1 1000000 >numbers; xz -T2 --block-size=2MiB -1 -k numbers
xz -dc -T2 numbers.xz | cmp - numbers; echo $?; wc -c <numbers.xz
