#include "redis_server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "redis_server: %s: %s\n", what, strerror(errno));
	abort();
}

static uint16_t free_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof in) < 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) < 0)
		die("no free port");
	close(fd);
	return ntohs(in.sin_port);
}

static int dial(const struct redis_server *r)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons(r->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *)&in, sizeof in) == 0)
		return fd;
	close(fd);
	return -1;
}

const char *redis_server_ask(const struct redis_server *r, const char *command)
{
	static char answer[8192];
	char line[1024];
	int fd = dial(r);
	answer[0] = '\0';
	if (fd < 0)
		return answer;
	int n = snprintf(line, sizeof line, "%s\r\n", command);
	if (write(fd, line, (size_t)n) == n) {
		ssize_t got = read(fd, answer, sizeof answer - 1);
		answer[got > 0 ? got : 0] = '\0';
	}
	close(fd);
	return answer;
}

static void spawn(struct redis_server *r)
{
	char port[8];
	snprintf(port, sizeof port, "%u", r->port);
	r->pid = fork();
	if (r->pid < 0)
		die("fork");
	if (r->pid == 0) {
		int out;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(r->dir) < 0 ||
		    (out = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600)) < 0)
			_exit(126);
		dup2(out, 1);
		dup2(out, 2);
		execlp("redis-server", "redis-server", "--port", port, "--bind",
		       "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync",
		       "always", "--hash-max-listpack-entries", "256",
		       "--hash-max-listpack-value", "256", "--dir", r->dir, (char *)NULL);
		_exit(127);
	}
}

/* Up and with its data loaded; false if it ended (the port may have been taken). */
static int ready(struct redis_server *r)
{
	const struct timespec pause = {0, 5 * 1000 * 1000};
	for (int i = 0; i < 4000; i++) {
		if (strncmp(redis_server_ask(r, "PING"), "+PONG", 5) == 0)
			return 1;
		if (waitpid(r->pid, NULL, WNOHANG) == r->pid)
			return 0;
		nanosleep(&pause, NULL);
	}
	die("redis-server does not come up");
	return 0;
}

void redis_server_start(struct redis_server *r)
{
	const char *tmp = getenv("TMPDIR");
	memset(r, 0, sizeof *r);
	snprintf(r->dir, sizeof r->dir, "%s/belfry-redis-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(r->dir))
		die(r->dir);
	do {
		r->port = free_port();
		spawn(r);
	} while (!ready(r));
	snprintf(r->url, sizeof r->url, "redis://127.0.0.1:%u/0", r->port);
}

void redis_server_kill(struct redis_server *r)
{
	if (!r->pid)
		return;
	kill(r->pid, SIGCONT);
	kill(r->pid, SIGKILL);
	waitpid(r->pid, NULL, 0);
	r->pid = 0;
}

void redis_server_restart(struct redis_server *r)
{
	redis_server_kill(r);
	spawn(r);
	if (!ready(r))
		die("redis-server does not come back");
}

static void remove_tree(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;
	while (d && (e = readdir(d))) {
		char name[512];
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof name, "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			remove_tree(name);
		else
			unlink(name);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

void redis_server_stop(struct redis_server *r)
{
	redis_server_kill(r);
	remove_tree(r->dir);
}
