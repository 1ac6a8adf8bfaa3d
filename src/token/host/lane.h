/* A queue of operations with threads that carry them out, each on a session of its own. */
#pragma once

#include "token/host/host.h"

typedef struct lane lane_t;

/** Replies gather here and go out in one frame. */
typedef struct {
    buf_t frame;
    size_t begun;
    unsigned n;
    int64_t since_us;
} replies_t;

/** Carry @p op out and note its reply; a lost token ends the process here, after what was done is told. */
void lane_run(worker_t *worker, const protocol_op *op, replies_t *replies);
/** Send what has gathered. */
void lane_send(replies_t *replies);

/**
 * @p threads sessions are opened now. With @p steps_back they leave the processors to the other lanes' threads, by
 * their priority and, where processors are few, by resting (rest.h).
 * @retval P11KMS_E_TOKEN_LOST, P11KMS_E_NOMEM
 */
MUST_USE p11kms_err lane_start(host_t *host, unsigned threads, bool steps_back, lane_t **ret);
/** Queue a copy of @p op. */
void lane_push(lane_t *lane, const protocol_op *op);
/** @return true when nothing is queued or being carried out */
bool lane_idle(lane_t *lane);
