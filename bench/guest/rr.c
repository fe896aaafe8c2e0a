// SPDX-License-Identifier: GPL-2.0
/*
 * Requests and responses of one byte over one TCP connection, one at a time.
 *
 *	rr serve PORT			answers the requests of one connection
 *	rr ADDRESS PORT SECONDS		prints the number of responses a second
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int tcp_socket(void)
{
	int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);

	if (s < 0 || setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		err(1, "socket");
	return s;
}

static int serve(struct sockaddr_in *to)
{
	int one = 1, s = tcp_socket(), c;
	char byte;

	if (bind(s, (void *)to, sizeof(*to)) || listen(s, 1))
		err(1, "bind");
	c = accept(s, NULL, NULL);
	if (c < 0 || setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		err(1, "accept");
	while (read(c, &byte, 1) == 1)
		if (write(c, &byte, 1) != 1)
			err(1, "write");
	return 0;
}

static int request(struct sockaddr_in *to, double seconds)
{
	int s = tcp_socket();
	long count = 0;
	double begin, end;
	char byte = 0;

	if (connect(s, (void *)to, sizeof(*to)))
		err(1, "connect");
	begin = now();
	do {
		if (write(s, &byte, 1) != 1 || read(s, &byte, 1) != 1)
			err(1, "no response");
		count++;
		end = now();
	} while (end < begin + seconds);
	printf("%.1f\n", count / (end - begin));
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	if (argc < 3)
		errx(1, "usage: rr serve PORT | rr ADDRESS PORT SECONDS");
	to.sin_port = htons(atoi(argv[2]));
	if (!strcmp(argv[1], "serve"))
		return serve(&to);
	if (argc < 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		errx(1, "ADDRESS PORT SECONDS");
	return request(&to, atof(argv[3]));
}
