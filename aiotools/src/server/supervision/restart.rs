//! When a worker that failed has another one take its place, and when that has gone on for too
//! long.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::random::Random;

/// What becomes of the place of a worker that died; see
/// [`Server::restart`](crate::server::Server::restart).
///
/// Another worker is started in its place. The first time, that is done after the shorter of the
/// two waits of the [`backoff`](Self::backoff), and each further time after twice as long as the
/// last, up to the longer one; up to a quarter of the wait is added, by chance, so that workers that
/// died together do not all come back in the same moment. What counts are the failures of the last
/// [window](Self::budget). When the same place has had more of them than the budget allows, the
/// server stops, with [`ServerError::is_restart_limit`](crate::ServerError::is_restart_limit).
///
/// ```
/// use std::time::Duration;
///
/// use aiotools::server::RestartPolicy;
///
/// // At most 5 failures of the same worker per minute, 50 ms, 100 ms, 200 ms.. apart.
/// let policy = RestartPolicy::new()
///     .backoff(Duration::from_millis(50), Duration::from_secs(5))
///     .budget(5, Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestartPolicy {
    min: Duration,
    max: Duration,
    budget: usize,
    window: Duration,
    never: bool,
}

impl Default for RestartPolicy {
    /// Waits from 20 ms to 10 s, and at most 10 failures per minute: a worker that fails again and
    /// again stops the server after some 20 seconds.
    fn default() -> Self {
        Self {
            min: Duration::from_millis(20),
            max: Duration::from_secs(10),
            budget: 10,
            window: Duration::from_secs(60),
            never: false,
        }
    }
}

impl RestartPolicy {
    /// The same as the default.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No worker is started in the place of another: the first failure stops the server.
    #[must_use]
    pub fn never() -> Self {
        Self {
            never: true,
            ..Self::default()
        }
    }

    /// How long to wait before a worker is started again, at first and at most. If `max` is less
    /// than `min`, it is taken for `min`.
    #[must_use]
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        self.min = min;
        self.max = max.max(min);
        self
    }

    /// How many failures of one worker, by its index, are survived in any `window`. The next one
    /// stops the server; with 0, the first does.
    ///
    /// As the waits grow, only so many failures fit into a window. A budget of more than that is
    /// never used up.
    #[must_use]
    pub fn budget(mut self, failures: usize, window: Duration) -> Self {
        self.budget = failures;
        self.window = window;
        self
    }

    pub(super) fn is_never(&self) -> bool {
        self.never
    }

    pub(super) fn longest_wait(&self) -> Duration {
        self.max
    }

    pub(super) fn window(&self) -> Duration {
        self.window
    }
}

/// The failures of one place that still count.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<Instant>);

impl History {
    /// Takes in a failure. How long to wait before the next try, or how many failures there were
    /// if they are too many.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        policy: &RestartPolicy,
        random: &mut Random,
    ) -> Result<Duration, usize> {
        self.0
            .retain(|at| now.saturating_duration_since(*at) < policy.window);
        self.0.push_back(now);
        let count = self.0.len();
        if count > policy.budget {
            return Err(count);
        }
        let doublings = u32::try_from(count - 1).unwrap_or(u32::MAX);
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        let wait = policy.min.saturating_mul(factor).min(policy.max);
        Ok(random.up_to_a_quarter_more(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy() -> RestartPolicy {
        RestartPolicy::new()
            .backoff(SECOND, 8 * SECOND)
            .budget(6, 100 * SECOND)
    }

    #[test]
    fn restart_waits_double_up_to_the_longest() {
        let (mut history, mut random, now) = (History::default(), Random::new(1), Instant::now());
        let waits: Vec<_> = (0..7)
            .map(|_| history.failed(now, &policy(), &mut random))
            .collect();
        for (wait, least) in waits.iter().zip([1, 2, 4, 8, 8, 8]) {
            let wait = wait.unwrap();
            assert!(
                (least * SECOND..least * SECOND * 5 / 4).contains(&wait),
                "{waits:?}"
            );
        }
        assert_eq!(waits[6], Err(7));
    }

    #[test]
    fn restart_forgets_what_lies_before_the_window() {
        let (mut history, mut random, now) = (History::default(), Random::new(1), Instant::now());
        for i in 0..1000 {
            // Six fit into each window.
            let wait = history.failed(now + i * 17 * SECOND, &policy(), &mut random);
            assert!(wait.is_ok(), "{i}");
        }
        let wait = history.failed(now + 100_000 * SECOND, &policy(), &mut random);
        assert!(wait.unwrap() < 2 * SECOND);
    }

    #[test]
    fn restart_default_ends_a_crash_loop_in_half_a_minute() {
        let (mut history, mut random) = (History::default(), Random::new(7));
        let start = Instant::now();
        let mut now = start;
        while let Ok(wait) = history.failed(now, &RestartPolicy::default(), &mut random) {
            now += wait;
        }
        let took = now - start;
        assert!((15 * SECOND..30 * SECOND).contains(&took), "{took:?}");
    }
}
