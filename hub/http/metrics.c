#include <belfry/http/metrics.h>

#include <math.h>
#include <string.h>

static void sample(struct buf *out, const char *name, const char *labels, double value)
{
	buf_adds(out, name);
	if (labels && *labels)
		buf_printf(out, "{%s}", labels);
	if (isinf(value))
		buf_adds(out, value > 0 ? " +Inf\n" : " -Inf\n");
	else
		buf_printf(out, " %.15g\n", value);
}

/* A histogram's family is named without the suffix that its samples have. */
static int family_len(const char *type, const char *name)
{
	const char *suffix = strcmp(type, "histogram") ? NULL : strstr(name, "_bucket");

	return (int)(suffix ? (size_t)(suffix - name) : strlen(name));
}

void metric_sample(struct buf *out, const char *type, const char *name, const char *help,
		   const char *labels, double value)
{
	int len = family_len(type, name);

	if (help)
		buf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", len, name, help, len,
			   name, type);
	sample(out, name, labels, value);
}

void metric_counter(struct buf *out, const char *name, const char *help, double value)
{
	metric_sample(out, "counter", name, help, NULL, value);
}

void metric_gauge(struct buf *out, const char *name, const char *help, double value)
{
	metric_sample(out, "gauge", name, help, NULL, value);
}
