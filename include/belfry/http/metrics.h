#ifndef BELFRY_HTTP_METRICS_H
#define BELFRY_HTTP_METRICS_H

#include <belfry/base/buf.h>

/*
 * Prometheus text format 0.0.4. Each family is described once, by the first call that
 * names it; samples of one family follow one another.
 */
void metric_counter(struct buf *out, const char *name, const char *help, double value);
void metric_gauge(struct buf *out, const char *name, const char *help, double value);
/*
 * A sample with labels, such as "class=\"2xx\"". HELP NULL: the family began before. TYPE
 * "histogram": NAME ends with _bucket, _sum or _count, the first sample with _bucket.
 */
void metric_sample(struct buf *out, const char *type, const char *name, const char *help,
		   const char *labels, double value);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
