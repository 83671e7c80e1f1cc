"""The one hand: publishes pages and takes them out, in the order of the binlog; the barrier and the gate."""
