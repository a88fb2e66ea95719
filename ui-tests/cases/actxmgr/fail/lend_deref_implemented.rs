use aiotools::context::{Lend, LendDeref};

struct Family;

impl<'a> Lend<'a> for Family {
    type Value = &'a str;
}

// Could let the lent `&'static str` out.
impl LendDeref for Family {
    type Target = &'static str;

    fn target<'g>(value: &'g &'static str) -> &'g &'static str {
        value
    }
}

fn main() {}
