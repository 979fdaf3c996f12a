// The log as a queue: what is logged in this process, whichever node it is of.

#include "check.h"

// The next record with this beginning, others passed over; 0 if none comes.
static int next_with(mcc_logs_t *logs, const char *beginning, mcc_log_record_t *record) {
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (now_ms() < deadline) {
        mcc_status_t status = mcc_logs_next(logs, 1000, record);
        if (status == MCC_OK && strncmp(record->message, beginning, strlen(beginning)) == 0) {
            return 1;
        }
        if (status != MCC_OK && status != MCC_TIMEOUT) {
            return 0;
        }
    }
    return 0;
}

static int says(const char *what) {
    return strstr(mcc_last_error(), what) != NULL;
}

int main(void) {
    mcc_logs_t *logs;
    mcc_logs_t *errors;
    mcc_log_record_t record;
    CHECK("no_such_level", mcc_logs_new(0, &logs) == MCC_INVALID_ARGUMENT && logs == NULL && says("level") &&
                               mcc_logs_new(6, &logs) == MCC_INVALID_ARGUMENT && logs == NULL);
    MUST(mcc_logs_new(MCC_LOG_INFO, &logs) == MCC_OK && mcc_logs_new(MCC_LOG_ERROR, &errors) == MCC_OK);
    CHECK("no_such_level_later", mcc_logs_set_level(logs, 0) == MCC_INVALID_ARGUMENT && says("level") &&
                                     mcc_logs_set_level(logs, 6) == MCC_INVALID_ARGUMENT);
    CHECK("nothing_yet", mcc_logs_next(logs, 0, &record) == MCC_TIMEOUT);
    mcc_logs_wake(logs);
    CHECK("wake_before_the_wait", mcc_logs_next(logs, MCC_WAIT_FOREVER, &record) == MCC_TIMEOUT);
    CHECK("negative_timeout", mcc_logs_next(logs, -1, &record) == MCC_INVALID_ARGUMENT && says("timeout_ms"));

    mcc_config_t *config = private_config("one");
    mcc_node_t *one;
    mcc_node_t *two;
    MUST(mcc_node_open(config, &one) == MCC_OK && mcc_config_set(config, "node_name", "two") == MCC_OK &&
         mcc_node_open(config, &two) == MCC_OK);
    mcc_config_free(config);
    CHECK("a_join_is_logged", next_with(logs, "member joined", &record) && record.level == MCC_LOG_INFO && record.dropped == 0);
    CHECK("with_its_fields", strstr(record.message, "member=") != NULL && strchr(record.message, '\n') == NULL);
    CHECK("where_and_when", strncmp(record.target, "mccache::", 9) == 0 && record.time_ms > 1700000000000);
    CHECK("a_graver_queue_has_nothing", mcc_logs_next(errors, 0, &record) == MCC_TIMEOUT);
    MUST(mcc_logs_set_level(errors, MCC_LOG_INFO) == MCC_OK && mcc_logs_set_level(logs, MCC_LOG_ERROR) == MCC_OK);
    while (mcc_logs_next(logs, 0, &record) == MCC_OK) {
        // What was queued under the level before.
    }
    mcc_node_free(two);
    CHECK("a_finer_level_from_now_on", next_with(errors, "member left", &record) && record.level == MCC_LOG_INFO);
    CHECK("a_graver_one_likewise", mcc_logs_next(logs, 0, &record) == MCC_TIMEOUT);
    mcc_node_free(one);

    CHECK("close_the_queues", mcc_logs_close(logs) == MCC_OK && mcc_logs_close(logs) == MCC_OK && mcc_logs_close(errors) == MCC_OK);
    mcc_status_t status;
    do {
        status = mcc_logs_next(logs, MCC_WAIT_FOREVER, &record);
    } while (status == MCC_OK);
    CHECK("a_closed_queue_stays_closed", mcc_logs_set_level(logs, MCC_LOG_TRACE) == MCC_OK);
    CHECK("closed_once_empty", status == MCC_CLOSED && mcc_logs_next(errors, MCC_WAIT_FOREVER, &record) == MCC_CLOSED);
    mcc_logs_free(logs);
    mcc_logs_free(errors);
    return finish();
}
