//! [`Failures`]: what went wrong in a group.

use std::collections::{BTreeMap, HashMap};

use super::error::TaskError;

/// Errors in the order in which they came. Each is found by what it is, in a time that does not grow with their number.
#[derive(Default)]
pub(super) struct Failures {
    came: usize,
    errors: BTreeMap<usize, TaskError>,
    places: HashMap<usize, usize>,
}

impl Failures {
    /// Keeps an error, unless it is there already: one that was taken from a handle and passed on with `?` comes twice. True if it is the
    /// first of all.
    pub(super) fn push(&mut self, error: TaskError) -> bool {
        if let Some(identity) = error.identity() {
            if self.places.contains_key(&identity) {
                return false;
            }
            self.places.insert(identity, self.came);
        }
        self.errors.insert(self.came, error);
        self.came += 1;
        self.came == 1
    }

    /// Somebody has this error from elsewhere.
    pub(super) fn remove(&mut self, error: &TaskError) {
        let identity = error.identity();
        if let Some(place) = identity.and_then(|identity| self.places.remove(&identity)) {
            self.errors.remove(&place);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub(super) fn into_vec(self) -> Vec<TaskError> {
        self.errors.into_values().collect()
    }
}

#[cfg(all(test, not(aiotools_loom)))]
mod tests {
    use std::panic::Location;

    use super::*;

    fn error(text: &str) -> TaskError {
        TaskError::failed(None, Location::caller(), text.into())
    }

    fn texts(failures: Failures) -> Vec<String> {
        let errors = failures.into_vec();
        let text = |error: &TaskError| error.error().unwrap().to_string();
        errors.iter().map(text).collect()
    }

    #[test]
    fn are_kept_once_and_in_order() {
        let (a, b) = (error("a"), error("b"));
        let mut failures = Failures::default();
        assert!(failures.push(a.clone()));
        assert!(!failures.push(b));
        assert!(!failures.push(a));
        assert_eq!(texts(failures), ["a", "b"]);
    }

    #[test]
    fn are_forgotten_when_taken() {
        let (a, b) = (error("a"), error("b"));
        let mut failures = Failures::default();
        failures.push(a.clone());
        failures.push(b);
        failures.remove(&a);
        failures.remove(&a);
        failures.remove(&error("b"));
        assert!(!failures.is_empty());
        assert_eq!(texts(failures), ["b"]);
    }
}
