# Pipelines, subshells, process substitution, here-documents, traps, wait -n, coprocesses, statuses.
seq 1 1000 | sort -rn | head -5 | tac
(echo sub; (echo subsub; exit 3); echo $?)
diff <(seq 1 5) <(seq 2 6)
cat <<END | tr a-z A-Z
here document $((1 + 2))
END
read -r line < <(echo hello); echo "$line"
trap 'echo got usr1' USR1; kill -USR1 $$
trap 'echo exiting' EXIT
set -o pipefail; false | true; echo "pipefail $?"
false | true | false; echo "${PIPESTATUS[@]}"
for i in 1 2 3; do (sleep 0.$((i * 3)); exit $i) & done
wait -n; echo "first $?"; wait -n; echo "second $?"; wait; echo "all $?"
# Not before it is sleep: bash's own handler would take the signal, and lose it if execve comes next.
sleep 100 & until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done; kill $!; wait $!; echo "killed $?"
coproc cat; echo through >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
exec {COPROC[1]}>&-; wait
echo "$(echo nested "$(echo deep)")"
tee >(cat >/dev/null) < <(echo teed)
timeout 0.2 sleep 5; echo "timeout $?"
bash -c 'kill -SEGV $$' 2>/dev/null; echo $?
bash -c 'kill -TERM $$' 2>/dev/null; echo $?
folder=$(mktemp -d); mkfifo "$folder/fifo"
echo through a fifo >"$folder/fifo" & cat "$folder/fifo"; wait
(flock 9; echo locked) 9>"$folder/lock"
rm -r "$folder"
