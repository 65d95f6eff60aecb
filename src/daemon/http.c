// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "daemon/http.h"
#include "daemon/log.h"
#include "daemon/socket.h"
#include "run/units.h"

#define MEMORY_BYTES (16U << 10) /* of a connection: a longer request is refused by 431 or 413 */
#define LISTEN_BACKLOG 128
#define SAY_SECONDS 60 /* between two lines of the log about the same */
#define MS 1000000L
#define UNIX_PREFIX "unix:"

/* One that is open. */
struct caller {
	int descriptor; /* -1: none */
	time_t since; /* CLOCK_MONOTONIC: it came, or was answered last */
};

struct http {
	struct MHD_Daemon *daemon;
	pthread_t watch;
	bool watched;
	unsigned int patience; /* s */
	pthread_cond_t changed;
	pthread_mutex_t lock; /* of all that follows */
	/* NULL: nothing to say yet; the same as the last answer on its connection */
	struct MHD_Response *page, *page_last;
	time_t second; /* CLOCK_MONOTONIC */
	unsigned int requests; /* in that second */
	time_t said; /* CLOCK_MONOTONIC: when the log was last told that many ask; 0: never */
	struct caller callers[HTTP_CONNECTIONS];
	bool over;
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

const char *http_unix_path(const char *address)
{
	size_t length = strlen(UNIX_PREFIX);

	return strncmp(address, UNIX_PREFIX, length) ? NULL : address + length;
}

bool http_is_address(const char *text)
{
	return http_unix_path(text) || *text == '[' || (strchr(text, ':') && !strchr(text, '/'));
}

/* A name would need the name services, which a static program has not. */
static bool host_parse(const char *host, union address *address, uint16_t port)
{
	*address = (union address){ .v4 = { .sin_family = AF_INET, .sin_port = htons(port) } };
	if (!*host || !strcmp(host, "localhost"))
		host = "127.0.0.1";
	if (!strcmp(host, "*"))
		host = "0.0.0.0";
	if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1)
		return true;
	*address = (union address){ .v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
	return inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1;
}

/* HOST:PORT or [V6]:PORT. */
static bool address_parse(const char *text, union address *address)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	char host[INET6_ADDRSTRLEN + 1] = "";
	bool brackets = *text == '[';
	uint64_t port;

	if (!colon || units_parse_number(colon + 1, 1, UINT16_MAX, &port))
		return false;
	if (brackets && (length < 2 || text[length - 1] != ']'))
		return false;
	if (brackets) {
		text++;
		length -= 2;
	}
	if (length >= sizeof(host) || (!brackets && memchr(text, ':', length)))
		return false;
	memcpy(host, text, length);
	return host_parse(host, address, (uint16_t)port) &&
	       brackets == (address->any.sa_family == AF_INET6);
}

static int address_listen(const union address *address)
{
	socklen_t length =
		address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
	int descriptor, error, on = 1;

	descriptor = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (descriptor < 0)
		return -errno;
	if (!setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
	    !bind(descriptor, &address->any, length) && !listen(descriptor, LISTEN_BACKLOG))
		return descriptor;
	error = -errno;
	close(descriptor);
	return error;
}

int http_listen(const char *address, char *message, size_t size)
{
	const char *path = http_unix_path(address);
	union address where;
	int descriptor;

	if (path && *path)
		return socket_listen(path, (gid_t)-1, message, size);
	if (path || !address_parse(address, &where)) {
		snprintf(message, size,
			 "%s: give HOST:PORT, [V6]:PORT or unix:PATH, HOST as a number, such as "
			 "127.0.0.1:9464",
			 address);
		return -EINVAL;
	}
	descriptor = address_listen(&where);
	if (descriptor < 0)
		snprintf(message, size, "%s: cannot listen there: %s", address,
			 strerror(-descriptor));
	return descriptor;
}

static struct MHD_Response *response_create(const char *type, const char *text, size_t size)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, (void *)text, MHD_RESPMEM_MUST_COPY);

	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return response;
}

static enum MHD_Result answer_words(struct MHD_Connection *connection, unsigned int status,
				    const char *words)
{
	struct MHD_Response *response =
		response_create("text/plain; charset=utf-8", words, strlen(words));
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static time_t now_second(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Whether this is one more than may be answered in this second. */
static bool request_exceeds(struct http *http)
{
	time_t now = now_second();

	if (http->second != now)
		http->requests = 0;
	http->second = now;
	return http->requests++ >= HTTP_REQUESTS;
}

/* Once a minute at most: whoever asks so often is not to fill the log either. */
static void say_many(struct http *http)
{
	time_t now = now_second();

	if (http->said && now - http->said < SAY_SECONDS)
		return;
	http->said = now;
	daemon_log_at(LOG_LEVEL_WARNING,
		      "--metrics: more than %d requests a second: each waits its turn",
		      HTTP_REQUESTS);
}

/*
 * Nobody is refused, as that would be Prometheus as likely as anybody: there is one thread, and what it takes is
 * bounded by its sleep. A connection that is kept open would keep others out: it is closed, and whoever wants more
 * waits behind those who came meanwhile.
 */
static enum MHD_Result answer_page(struct MHD_Connection *connection, struct http *http)
{
	static const struct timespec turn = { .tv_nsec = 1000 * MS / HTTP_REQUESTS };
	struct MHD_Response *page = NULL;
	enum MHD_Result result;
	bool exceeds;

	pthread_mutex_lock(&http->lock);
	exceeds = request_exceeds(http);
	if (exceeds)
		say_many(http);
	pthread_mutex_unlock(&http->lock);
	if (exceeds)
		nanosleep(&turn, NULL);
	pthread_mutex_lock(&http->lock);
	page = exceeds ? http->page_last : http->page;
	result = page ? MHD_queue_response(connection, MHD_HTTP_OK, page)
		      : answer_words(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				     "nothing is known yet\n");
	pthread_mutex_unlock(&http->lock);
	return result;
}

/* Of a target in absolute form, as for a proxy, which every server has to take (RFC 9112, 3.2.2). */
static const char *request_path(const char *url)
{
	const char *path;

	if (strncasecmp(url, "http://", strlen("http://")) != 0)
		return url;
	path = strchr(url + strlen("http://"), '/');
	return path ? path : "/";
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *data_size, void **state)
{
	const char *path = request_path(url);
	static char met;

	(void)version;
	(void)data;
	(void)data_size;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_words(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				    "there is nothing to change here\n");
	/* The first call is before what may follow the head; a body is not waited for. */
	if (!*state) {
		*state = &met;
		return MHD_YES;
	}
	if (!strcmp(path, "/metrics"))
		return answer_page(connection, context);
	return answer_words(connection, strcmp(path, "/") ? MHD_HTTP_NOT_FOUND : MHD_HTTP_OK,
			    "gmemtraced: its metrics are at /metrics\n");
}

static void caller_came(struct http *http, struct MHD_Connection *connection, void **state)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	for (size_t i = 0; info && i < HTTP_CONNECTIONS; i++) {
		struct caller *caller = &http->callers[i];

		if (caller->descriptor >= 0)
			continue;
		*caller = (struct caller){ info->connect_fd, now_second() };
		*state = caller;
		return;
	}
}

/* Told before the descriptor is closed, and may be another's. */
static void on_connection(void *context, struct MHD_Connection *connection, void **state,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http *http = context;

	pthread_mutex_lock(&http->lock);
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		caller_came(http, connection, state);
	else if (*state)
		((struct caller *)*state)->descriptor = -1;
	pthread_mutex_unlock(&http->lock);
}

/* Who has been answered may ask again. */
static void on_answered(void *context, struct MHD_Connection *connection, void **state,
			enum MHD_RequestTerminationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http *http = context;

	(void)state;
	(void)code;
	pthread_mutex_lock(&http->lock);
	if (info && info->socket_context)
		((struct caller *)info->socket_context)->since = now_second();
	pthread_mutex_unlock(&http->lock);
}

static bool http_crowded(const struct http *http)
{
	for (size_t i = 0; i < HTTP_CONNECTIONS; i++) {
		if (http->callers[i].descriptor < 0)
			return false;
	}
	return true;
}

/* Who says a word now and then, and never all of it, is not silent: he takes a place all the same. */
static void callers_hurry(struct http *http)
{
	time_t patience = http_crowded(http) ? HTTP_CROWDED_S : (time_t)http->patience;
	time_t now = now_second();

	for (size_t i = 0; i < HTTP_CONNECTIONS; i++) {
		const struct caller *caller = &http->callers[i];

		if (caller->descriptor >= 0 && now - caller->since > patience)
			shutdown(caller->descriptor, SHUT_RDWR);
	}
}

static void *http_watch(void *context)
{
	struct http *http = context;
	struct timespec until;

	pthread_mutex_lock(&http->lock);
	while (!http->over) {
		callers_hurry(http);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&http->changed, &http->lock, &until);
	}
	pthread_mutex_unlock(&http->lock);
	return NULL;
}

/* A wall clock may be set back, and the watch would sleep for as long. */
static void changed_init(pthread_cond_t *changed)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* An answer that is on its way keeps its own reference. */
static void page_free(struct MHD_Response *page)
{
	if (page)
		MHD_destroy_response(page);
}

struct http *http_start(int listener, unsigned int patience)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return NULL;
	http->patience = patience;
	for (size_t i = 0; i < HTTP_CONNECTIONS; i++)
		http->callers[i].descriptor = -1;
	pthread_mutex_init(&http->lock, NULL);
	changed_init(&http->changed);
	http->daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_ITC, 0, NULL, NULL,
		on_request, http, MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)HTTP_SILENT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
		MHD_OPTION_NOTIFY_COMPLETED, on_answered, http, MHD_OPTION_END);
	http->watched = http->daemon && !pthread_create(&http->watch, NULL, http_watch, http);
	if (http->watched)
		return http;
	http_stop(http);
	return NULL;
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	pthread_mutex_lock(&http->lock);
	http->over = true;
	pthread_cond_signal(&http->changed);
	pthread_mutex_unlock(&http->lock);
	if (http->watched)
		pthread_join(http->watch, NULL);
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	pthread_cond_destroy(&http->changed);
	pthread_mutex_destroy(&http->lock);
	page_free(http->page);
	page_free(http->page_last);
	free(http);
}

void http_publish(struct http *http, const char *text, size_t size)
{
	static const char type[] = "text/plain; version=0.0.4; charset=utf-8";
	struct MHD_Response *page = response_create(type, text, size);
	struct MHD_Response *last = response_create(type, text, size);
	struct MHD_Response *before, *before_last;

	if (!page || !last) {
		page_free(page);
		page_free(last);
		return;
	}
	MHD_add_response_header(last, MHD_HTTP_HEADER_CONNECTION, "close");
	pthread_mutex_lock(&http->lock);
	before = http->page;
	before_last = http->page_last;
	http->page = page;
	http->page_last = last;
	pthread_mutex_unlock(&http->lock);
	page_free(before);
	page_free(before_last);
}
