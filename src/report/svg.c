// SPDX-License-Identifier: GPL-2.0
/* A flame graph, drawn: each frame a rectangle on the one that called it. */
#include "report/folded.h"

#define WIDTH 1200
#define MARGIN 10
#define ROW 17 /* height of a frame */
#define HEAD 40
#define FOOT 24
#define DEPTH_MAX 96 /* frames; deeper ones are not drawn */
#define WIDTH_MIN 0.2 /* narrower frames cannot be seen */
#define LETTER 7.0 /* width, about */

struct svg {
	FILE *out;
	const struct svg_style *style;
	__u64 total;
	size_t rows;
	size_t line; /* that is being drawn */
};

/* Of the frames that are being drawn: where each begins, and which line it is of. */
struct open_frames {
	const char *names[DEPTH_MAX];
	size_t lengths[DEPTH_MAX];
	__u64 begins[DEPTH_MAX];
	size_t lines[DEPTH_MAX]; /* its first */
	size_t depth;
};

static double place(const struct svg *svg, __u64 weight)
{
	return (double)weight / (double)svg->total * (WIDTH - 2 * MARGIN);
}

static void frame_write(const struct svg *svg, const struct svg_frame *frame, size_t depth,
			__u64 begin, __u64 end)
{
	const struct svg_style *style = svg->style;
	double x = MARGIN + place(svg, begin), width = place(svg, end - begin);
	size_t y = HEAD + (svg->rows - 1 - depth) * ROW;
	size_t room = width > LETTER ? (size_t)((width - 4) / LETTER) : 0;

	if (width < WIDTH_MIN)
		return;
	fprintf(svg->out, "<g><title>");
	escape_xml(svg->out, frame->name, frame->length);
	style->title(svg->out, style->context, frame, end - begin, svg->total);
	fprintf(svg->out, "</title>");
	fprintf(svg->out,
		"<rect x=\"%.1f\" y=\"%zu\" width=\"%.1f\" height=\"%d\" fill=\"#%06x\" rx=\"1\"/>",
		x, y, width, ROW - 1, style->color(style->context, frame));
	if (room >= 3) {
		fprintf(svg->out, "<text x=\"%.1f\" y=\"%zu\">", x + 3, y + ROW - 5);
		escape_xml(svg->out, frame->name, frame->length < room ? frame->length : room - 1);
		fprintf(svg->out, "%s</text>", frame->length < room ? "" : "\xe2\x80\xa6");
	}
	fprintf(svg->out, "</g>\n");
}

/* Frames from @depth on have ended. */
static void frames_close(const struct svg *svg, struct open_frames *open, size_t depth, __u64 end)
{
	while (open->depth > depth) {
		const size_t at = --open->depth;
		const struct svg_frame frame = {
			.name = open->names[at],
			.length = open->lengths[at],
			.first = open->lines[at],
			.behind = svg->line,
		};

		frame_write(svg, &frame, at + 1, open->begins[at], end);
	}
}

static void line_draw(const struct svg *svg, struct open_frames *open, const char *frames,
		      __u64 begin)
{
	bool alike = true;
	size_t depth = 0;

	for (const char *name = frames; name && depth < DEPTH_MAX; depth++) {
		size_t length = strcspn(name, ";");

		if (alike && depth < open->depth && open->lengths[depth] == length &&
		    !strncmp(open->names[depth], name, length)) {
			name = name[length] ? name + length + 1 : NULL;
			continue;
		}
		if (alike)
			frames_close(svg, open, depth, begin);
		alike = false;
		open->names[depth] = name;
		open->lengths[depth] = length;
		open->begins[depth] = begin;
		open->lines[depth] = svg->line;
		open->depth = depth + 1;
		name = name[length] ? name + length + 1 : NULL;
	}
	if (alike)
		frames_close(svg, open, depth, begin);
}

static size_t rows_count(const struct folded_line *lines, size_t nr)
{
	size_t most = 0;

	for (size_t i = 0; i < nr; i++) {
		size_t depth = 1;

		for (const char *at = lines[i].frames; (at = strchr(at, ';')); at++)
			depth++;
		most = depth > most ? depth : most;
	}
	return (most < DEPTH_MAX ? most : DEPTH_MAX) + 1;
}

static void head_write(const struct svg *svg, const char *title)
{
	size_t height = HEAD + svg->rows * ROW + FOOT;

	fprintf(svg->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
		"viewBox=\"0 0 %d %zu\" font-family=\"monospace\" font-size=\"11\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
		"<text x=\"%d\" y=\"24\" font-size=\"15\" font-family=\"sans-serif\">",
		WIDTH, height, WIDTH, height, MARGIN);
	escape_xml(svg->out, title, strlen(title));
	fprintf(svg->out, "</text>\n");
}

int svg_write(FILE *out, const struct folded_line *lines, size_t nr, const struct svg_style *style)
{
	struct svg svg = { .out = out, .style = style, .rows = rows_count(lines, nr) };
	const struct svg_frame all = { .name = "all", .length = 3, .behind = nr };
	struct open_frames open = { .depth = 0 };
	__u64 begin = 0;

	for (size_t i = 0; i < nr; i++)
		svg.total = times_added(svg.total, lines[i].weight, 1);
	head_write(&svg, style->heading);
	for (; svg.line < nr; svg.line++) {
		line_draw(&svg, &open, lines[svg.line].frames, begin);
		begin = times_added(begin, lines[svg.line].weight, 1);
	}
	frames_close(&svg, &open, 0, begin);
	if (svg.total)
		frame_write(&svg, &all, 0, 0, svg.total);
	fprintf(out, "<text x=\"%d\" y=\"%zu\" fill=\"#777777\">", MARGIN,
		HEAD + svg.rows * ROW + FOOT - 8);
	if (svg.total)
		style->foot(out, style->context, svg.total);
	else
		fprintf(out, "nothing was recorded");
	fprintf(out, "</text>\n</svg>\n");
	return report_done(out);
}
