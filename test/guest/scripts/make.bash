# A project of nine files built by make -j4 and gcc, run, and found to be up to date.
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder" || exit 1
for i in 1 2 3 4 5 6 7 8; do echo "int f$i(int x) { return x * $i; }" >f$i.c; done
{
  echo '#include <stdio.h>'
  for i in 1 2 3 4 5 6 7 8; do echo "int f$i(int);"; done
  echo 'int main(void) { int s = 0;'
  for i in 1 2 3 4 5 6 7 8; do echo "s += f$i(3);"; done
  echo 'printf("%d\n", s); return s == 108 ? 0 : 1; }'
} >main.c
printf 'program: main.o f1.o f2.o f3.o f4.o f5.o f6.o f7.o f8.o\n\tgcc -o $@ $^\n%%.o: %%.c\n\tgcc -O1 -c -o $@ $<\n' >Makefile
make -j4 -s; echo $?
./program; echo $?
make -j4; make -j4 absent 2>/dev/null; echo $?
