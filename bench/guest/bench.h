/* The rows of bench.c: each does n units and ends the program with status 1 where a call fails. */
#pragma once

void fork_wait(long n);
void fork_exec(long n, const char *program);
void create_join(long n);
void futex_ping_pong(long n);
void pipe_ping_pong(long n);
void pipe_throughput(long n);
void signal_self(long n);
