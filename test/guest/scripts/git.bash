# Repositories: make, commit, collect, check, clone by path and by URL, merge, push.
export HOME=/nonexistent GIT_CONFIG_GLOBAL=/dev/null
for who in AUTHOR COMMITTER; do
  export GIT_${who}_DATE=2020-01-01T00:00:00Z GIT_${who}_NAME=name GIT_${who}_EMAIL=name@example.org
done
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder" || exit 1
git -c init.defaultBranch=main init -q one; cd one || exit 1
for i in $(seq 50); do echo "$i" >"file$i"; done
git add .; git commit -qm first; echo more >>file1; git commit -qam second
git gc -q; git fsck 2>&1; git log --oneline
git clone -q . ../two; cd ../two || exit 1; git status --short
git clone -q "file://$PWD" ../three; cd ../three || exit 1
git checkout -q -b branch; echo new >added; git add added; git commit -qm third
git checkout -q main; git merge -q branch; git push -q origin branch; git diff HEAD~1 --stat
git worktree add -q ../four branch; ls ../four | wc -l
git rev-parse HEAD
