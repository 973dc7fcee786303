# Temporary files of =(...), substitutions, jobs, modules.
print -l {1..5} | sort -r
numbers=(3 1 2); print ${(o)numbers}
cat =(echo temporary)
diff <(print 1) <(print 2)
sleep 0.1 & wait $!; print $?
zmodload zsh/datetime; print ${+EPOCHSECONDS}
{ print try; false } always { print always }
