import sqlite3, time

db = sqlite3.connect("/tmp/rows.db")
db.execute("create table rows (number, text)")
db.commit()
for round in range(3):
    db.execute("begin")
    for i in range(400):
        db.execute("insert into rows values (?, ?)", (i, "x" * (i % 90)))
        if i % 100 == 0:
            time.sleep(0.02)
    db.rollback() if round == 1 else db.commit()
print(db.execute("select count(*), sum(number), sum(length(text)) from rows").fetchone())
print(db.execute("pragma integrity_check").fetchone())
