# set -m: process groups of jobs, stop and continue, jobs, fg, bg.
set -m
sleep 5 &
kill -STOP %1; sleep 0.2; jobs
kill -CONT %1; sleep 0.2; jobs
kill %1; wait %1; echo $?
sleep 100 | sleep 100 &
kill -TERM %1; wait %1; echo $?
(sleep 0.2; echo in the foreground) & fg %1 >/dev/null; echo $?
bash -c 'kill -STOP $$; echo resumed' & sleep 0.3; jobs; bg %1; wait
