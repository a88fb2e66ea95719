//! What is told of many latencies.

use std::time::Duration;

use crate::samples::percentile;

/// The 99th percentile of these latencies.
#[must_use]
pub fn tail(took: Vec<Duration>) -> Duration {
    percentile(took, 0.99, Duration::cmp)
}

/// Half of these latencies are lower.
#[must_use]
pub fn median(took: Vec<Duration>) -> Duration {
    percentile(took, 0.5, Duration::cmp)
}
