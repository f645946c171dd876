import { type FFIFunction, FFIType, type Library, type Pointer } from "bun:ffi";

/** A pointer of librdkafka's. User-space addresses fit a double exactly. */
export type Ptr = Pointer;

const p = FFIType.ptr;
const int = FFIType.i32;
const size = FFIType.u64_fast;
const long = FFIType.i64_fast;
const nothing = FFIType.void;
/** A JavaScript string in, a copied one (or null) out. */
const text = FFIType.cstring;

/**
 * The part of librdkafka's C API that this adapter calls; all of it exists since 2.0. Nothing here takes a callback:
 * librdkafka would call it from its threads.
 */
export const SYMBOLS = {
  rd_kafka_version_str: { args: [], returns: text },
  rd_kafka_err2str: { args: [int], returns: text },
  rd_kafka_last_error: { args: [], returns: int },
  rd_kafka_brokers_add: { args: [p, text], returns: int },
  rd_kafka_fatal_error: { args: [p, p, size], returns: int },
  rd_kafka_error_code: { args: [p], returns: int },
  rd_kafka_error_string: { args: [p], returns: text },
  rd_kafka_error_destroy: { args: [p], returns: nothing },

  rd_kafka_conf_new: { args: [], returns: p },
  rd_kafka_conf_set: { args: [p, text, text, p, size], returns: int },
  rd_kafka_conf_set_events: { args: [p, int], returns: nothing },
  rd_kafka_conf_destroy: { args: [p], returns: nothing },
  rd_kafka_new: { args: [int, p, p, size], returns: p },
  rd_kafka_destroy: { args: [p], returns: nothing },
  rd_kafka_destroy_flags: { args: [p, int], returns: nothing },
  rd_kafka_set_log_queue: { args: [p, p], returns: int },

  rd_kafka_queue_new: { args: [p], returns: p },
  rd_kafka_queue_get_main: { args: [p], returns: p },
  rd_kafka_queue_get_consumer: { args: [p], returns: p },
  rd_kafka_queue_get_partition: { args: [p, text, int], returns: p },
  rd_kafka_queue_forward: { args: [p, p], returns: nothing },
  rd_kafka_queue_destroy: { args: [p], returns: nothing },
  rd_kafka_queue_io_event_enable: { args: [p, int, p, size], returns: nothing },
  rd_kafka_queue_poll: { args: [p, int], returns: p },

  rd_kafka_event_type: { args: [p], returns: int },
  rd_kafka_event_destroy: { args: [p], returns: nothing },
  rd_kafka_event_message_array: { args: [p, p, size], returns: size },
  rd_kafka_event_error: { args: [p], returns: int },
  rd_kafka_event_error_string: { args: [p], returns: text },
  rd_kafka_event_error_is_fatal: { args: [p], returns: int },
  rd_kafka_event_log: { args: [p, p, p, p], returns: int },
  rd_kafka_event_stats: { args: [p], returns: text },
  rd_kafka_event_opaque: { args: [p], returns: p },
  rd_kafka_event_topic_partition_list: { args: [p], returns: p },

  rd_kafka_default_topic_conf_dup: { args: [p], returns: p },
  rd_kafka_topic_conf_set: { args: [p, text, text, p, size], returns: int },
  rd_kafka_topic_new: { args: [p, text, p], returns: p },
  rd_kafka_topic_name: { args: [p], returns: text },
  rd_kafka_topic_destroy: { args: [p], returns: nothing },
  rd_kafka_produce: { args: [p, int, int, p, size, p, size, p], returns: int },
  rd_kafka_produceva: { args: [p, p, size], returns: p },
  rd_kafka_purge: { args: [p, int], returns: int },

  rd_kafka_topic_partition_list_new: { args: [int], returns: p },
  rd_kafka_topic_partition_list_add: { args: [p, text, int], returns: p },
  rd_kafka_topic_partition_list_set_offset: { args: [p, text, int, long], returns: int },
  rd_kafka_topic_partition_list_destroy: { args: [p], returns: nothing },

  rd_kafka_subscribe: { args: [p, p], returns: int },
  rd_kafka_rebalance_protocol: { args: [p], returns: text },
  rd_kafka_assign: { args: [p, p], returns: int },
  rd_kafka_incremental_assign: { args: [p, p], returns: p },
  rd_kafka_incremental_unassign: { args: [p, p], returns: p },
  rd_kafka_consume_batch_queue: { args: [p, int, p, size], returns: long },
  rd_kafka_message_destroy: { args: [p], returns: nothing },
  rd_kafka_message_timestamp: { args: [p, p], returns: long },
  rd_kafka_message_headers: { args: [p, p], returns: int },
  rd_kafka_header_get_all: { args: [p, size, p, p, p], returns: int },
  rd_kafka_committed: { args: [p, p, int], returns: int },
  rd_kafka_commit_queue: { args: [p, p, p, p, p], returns: int },
  rd_kafka_pause_partitions: { args: [p, p], returns: int },
  rd_kafka_resume_partitions: { args: [p, p], returns: int },
  rd_kafka_seek_partitions: { args: [p, p, int], returns: p },
  rd_kafka_consumer_close_queue: { args: [p, p], returns: p },
  rd_kafka_consumer_closed: { args: [p], returns: int },

  rd_kafka_metadata: { args: [p, int, p, p, int], returns: int },
  rd_kafka_metadata_destroy: { args: [p], returns: nothing },
  rd_kafka_offsets_for_times: { args: [p, p, int], returns: int },
  rd_kafka_AdminOptions_new: { args: [p, int], returns: p },
  rd_kafka_AdminOptions_set_request_timeout: { args: [p, int, p, size], returns: int },
  rd_kafka_AdminOptions_set_operation_timeout: { args: [p, int, p, size], returns: int },
  rd_kafka_AdminOptions_set_opaque: { args: [p, p], returns: nothing },
  rd_kafka_AdminOptions_destroy: { args: [p], returns: nothing },
  rd_kafka_NewTopic_new: { args: [text, int, int, p, size], returns: p },
  rd_kafka_NewTopic_set_config: { args: [p, text, text], returns: int },
  rd_kafka_NewTopic_destroy: { args: [p], returns: nothing },
  rd_kafka_CreateTopics: { args: [p, p, size, p, p], returns: nothing },
  rd_kafka_CreateTopics_result_topics: { args: [p, p], returns: p },
  rd_kafka_DeleteTopic_new: { args: [text], returns: p },
  rd_kafka_DeleteTopic_destroy: { args: [p], returns: nothing },
  rd_kafka_DeleteTopics: { args: [p, p, size, p, p], returns: nothing },
  rd_kafka_DeleteTopics_result_topics: { args: [p, p], returns: p },
  rd_kafka_NewPartitions_new: { args: [text, size, p, size], returns: p },
  rd_kafka_NewPartitions_destroy: { args: [p], returns: nothing },
  rd_kafka_CreatePartitions: { args: [p, p, size, p, p], returns: nothing },
  rd_kafka_CreatePartitions_result_topics: { args: [p, p], returns: p },
  rd_kafka_topic_result_error: { args: [p], returns: int },
  rd_kafka_topic_result_error_string: { args: [p], returns: text },
  rd_kafka_topic_result_name: { args: [p], returns: text },
  rd_kafka_ConfigResource_new: { args: [int, text], returns: p },
  rd_kafka_ConfigResource_set_config: { args: [p, text, text], returns: int },
  rd_kafka_ConfigResource_configs: { args: [p, p], returns: p },
  rd_kafka_ConfigResource_name: { args: [p], returns: text },
  rd_kafka_ConfigResource_error: { args: [p], returns: int },
  rd_kafka_ConfigResource_error_string: { args: [p], returns: text },
  rd_kafka_ConfigResource_destroy: { args: [p], returns: nothing },
  rd_kafka_ConfigEntry_name: { args: [p], returns: text },
  rd_kafka_ConfigEntry_value: { args: [p], returns: text },
  rd_kafka_ConfigEntry_source: { args: [p], returns: int },
  rd_kafka_DescribeConfigs: { args: [p, p, size, p, p], returns: nothing },
  rd_kafka_DescribeConfigs_result_resources: { args: [p, p], returns: p },
  rd_kafka_AlterConfigs: { args: [p, p, size, p, p], returns: nothing },
  rd_kafka_AlterConfigs_result_resources: { args: [p, p], returns: p },
} as const satisfies Record<string, FFIFunction>;

/** librdkafka's functions, ready to call. */
export type Librdkafka = Library<typeof SYMBOLS>["symbols"];

/** rd_kafka_type_t */
export const PRODUCER = 0;
export const CONSUMER = 1;

/** RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE: the consumer never joined its group, or left it before. */
export const NO_CONSUMER_CLOSE = 0x8;

/**
 * RD_KAFKA_DESTROY_F_IMMEDIATE: librdkafka's threads are not waited for; they end by themselves and leave about 150 kB
 * behind.
 */
export const IMMEDIATE = 0x4;

/** rd_kafka_event_type_t */
export const EVENT = { DR: 0x1, LOG: 0x4, ERROR: 0x8, REBALANCE: 0x10, OFFSET_COMMIT: 0x20, STATS: 0x40 } as const;
