//! The command line.

use std::{collections::HashMap, env};

pub(crate) struct Settings(HashMap<String, String>);

impl Settings {
    pub(crate) fn from_args() -> Self {
        let pair = |arg: String| match arg.split_once('=') {
            Some((key, value)) => (key.to_owned(), value.to_owned()),
            None => (arg, String::new()),
        };
        Self(env::args().skip(1).map(pair).collect())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    pub(crate) fn number(&self, key: &str, default: u64) -> u64 {
        self.0
            .get(key)
            .map_or(default, |value| value.parse().expect("a number"))
    }

    pub(crate) fn list(&self, key: &str) -> impl Iterator<Item = &str> {
        self.text(key).split(',').filter(|item| !item.is_empty())
    }
}

/// Writes a line at once and in one piece, so that the processes do not get in each other's way.
macro_rules! say {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        let _ = std::io::stdout().write_all(format!("{}\n", format_args!($($arg)*)).as_bytes());
    }};
}
pub(crate) use say;
