// SPDX-License-Identifier: GPL-2.0
/*
 * Doubt: what was lost. In an interval of doubt no history rule is judged, and
 * what was known before has to be learned anew.
 */
#include "model/promises.h"
#include "model/state.h"

bool doubt_within(const struct model *model, const struct inode *inode, __u64 since, __u64 until)
{
	if (intervals_meet(&model->doubts, since, until))
		return true;
	return intervals_meet(inode ? &inode->doubts : &model->doubts_any, since, until);
}

bool model_doubtful(const struct model *model, const struct model_inode *base, __u64 since,
		    __u64 until)
{
	const struct inode *inode = (const struct inode *)base;
	__u64 shadow = model->options.shadow_ns;

	/* A request whose begin fell into the interval may have run on for a while. */
	since = since > shadow ? since - shadow : 0;
	if (base && base->before_attach && since < inode->attached)
		return true;
	return doubt_within(model, inode, since, until);
}

bool model_gap(const struct model *model, const struct model_inode *inode, __u64 since, __u64 until)
{
	return doubt_within(model, (const struct inode *)inode, since, until);
}

static void inode_shadow(const struct model *model, struct inode *inode, __u64 until)
{
	if (inode->shadow_until < until + model->options.shadow_ns)
		inode->shadow_until = until + model->options.shadow_ns;
}

void doubt_forget_all(struct model *model)
{
	if (model->forgotten)
		return;
	for (size_t i = model->kept_nr; i > 0; i--)
		inode_forget(model, model->kept[i - 1]);
}

/* A loss is told of behind what it explains. */
static void doubt_explain(struct model *model, struct inode *inode, __u64 since)
{
	if (!inode->base.contradicted || inode->contradicted_at < since)
		return;
	model->counts.contradicted -= inode->base.contradicted;
	inode->base.contradicted = 0;
}

static void doubt_add(struct model *model, struct inode *inode, const struct model_doubt *doubt)
{
	intervals_add(model, &model->doubts_any, doubt->since, doubt->until);
	if (doubt->reason == MODEL_DOUBT_LOSS)
		model->lost_history = true;
	if (inode && !inode->retired) {
		intervals_add(model, &inode->doubts, doubt->since, doubt->until);
		inode_shadow(model, inode, doubt->until);
		doubt_explain(model, inode, doubt->since);
		inode_forget(model, inode);
	} else if (!inode) {
		intervals_add(model, &model->doubts, doubt->since, doubt->until);
		if (model->shadow_until < doubt->until + model->options.shadow_ns)
			model->shadow_until = doubt->until + model->options.shadow_ns;
		for (size_t i = 0; i < model->kept_nr; i++) {
			inode_shadow(model, model->kept[i], doubt->until);
			doubt_explain(model, model->kept[i], doubt->since);
		}
		doubt_forget_all(model);
	}
	MODEL_NOTIFY(model, doubt, doubt);
}

void doubt_unseen(struct model *model, struct inode *inode, __u64 since, __u64 until)
{
	struct model_doubt doubt = {
		.inode = inode ? &inode->base : NULL,
		.since = since,
		.until = until,
		.count = 1,
		.reason = MODEL_DOUBT_UNSEEN,
	};

	doubt_add(model, inode, &doubt);
}

void doubt_contradicted(struct model *model, struct inode *inode, __u64 now, __u64 nr)
{
	if (!nr)
		return;
	if (!inode->base.contradicted)
		inode->contradicted_at = now;
	inode->base.contradicted += nr;
	model->counts.contradicted += nr;
	MODEL_NOTIFY(model, contradicted, &inode->base, now);
}

/*
 * A piece of the stream is missing. The stream is in the order in which the
 * rings were drained, so what is missing may be as old as the last watermark,
 * and as young as the time at which it was drained: the first position taken
 * after that is the second heartbeat's from here.
 */
static void gap_begin(struct model *model, struct model_doubt *doubt)
{
	if (doubt->since > model->horizon)
		doubt->since = model->horizon;
	if (!model->gap_heartbeats || model->gap_since > doubt->since)
		model->gap_since = doubt->since;
	model->gap_heartbeats = 2;
}

bool doubt_gap(struct model *model, __u64 watermark)
{
	struct model_doubt doubt = {
		.since = model->gap_since,
		.until = watermark > model->gap_since ? watermark : model->gap_since,
		.reason = MODEL_DOUBT_LOSS,
		.cause = RECORD_LOSS_CLIENT_SLOW,
	};

	if (!model->gap_heartbeats)
		return false;
	model->gap_heartbeats--;
	doubt_add(model, NULL, &doubt);
	return true;
}

void doubt_loss(struct model *model, const struct record_loss *record)
{
	enum record_loss_damage damage = record_loss_damage(record->cause);
	struct model_counts *counts = &model->counts;
	struct model_doubt doubt = {
		.since = record->since < record->header.time ? record->since : record->header.time,
		.until = record->header.time,
		.count = record->count,
		.reason = MODEL_DOUBT_LOSS,
		.cause = (enum record_loss_cause)record->cause,
	};
	struct inode *inode = NULL;

	if (record->cause < sizeof(counts->lost_by_cause) / sizeof(counts->lost_by_cause[0]))
		counts->lost_by_cause[record->cause] += record->count;
	/* Frees are judged one by one: the others, and all history, stand. Figures judge nothing. */
	if (damage == RECORD_DAMAGE_FREES || damage == RECORD_DAMAGE_FIGURES ||
	    damage == RECORD_DAMAGE_ANSWERS) {
		MODEL_NOTIFY(model, lost_besides, &doubt);
		return;
	}
	if (record->cause == RECORD_LOSS_MISSED)
		counts->missed += record->count;
	else
		counts->lost += record->count;
	if (record->header.inode)
		inode = inode_get(model, record->header.inode, record->header.time);
	if (inode) {
		inode->base.lost += record->count;
		doubt.inode = &inode->base;
	}
	if (record->cause == RECORD_LOSS_CLIENT_SLOW)
		gap_begin(model, &doubt);
	/* A read that was lost leaves its pages uncompared, and no more. */
	if (damage != RECORD_DAMAGE_HISTORY) {
		MODEL_NOTIFY(model, lost_besides, &doubt);
		return;
	}
	doubt_add(model, inode, &doubt);
	model->forgotten |= !inode;
}

/* Everything before the loss was taken: from here on the model can learn again. */
void doubt_loss_passed(struct model *model, const struct record_loss *record)
{
	struct inode *inode = inode_find(model, record->header.inode);

	if (record_loss_damage(record->cause) != RECORD_DAMAGE_HISTORY)
		return;
	if (inode) {
		inode_forget(model, inode);
		return;
	}
	promise_doubt(model, record->header.time);
	doubt_forget_all(model);
	model->forgotten = true;
}
