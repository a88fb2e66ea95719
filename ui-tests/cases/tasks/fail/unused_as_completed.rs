#![deny(unused_must_use)]
use aiotools::as_completed;

fn main() {
    as_completed([async {}]);
}
