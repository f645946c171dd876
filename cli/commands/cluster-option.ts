import { Option } from "commander";

/** `--cluster` and `--no-cluster`, the same for every command that may start Redis and Kafka. Neither: undefined. */
export const clusterOptions = (): Option[] => [
  new Option(
    "--cluster",
    "three Kafka brokers, a Redis Cluster of 3 + 3; default as they run now, at first one of each",
  ),
  new Option("--no-cluster", "one Kafka, one Redis"),
];
