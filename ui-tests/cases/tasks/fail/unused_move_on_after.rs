#![deny(unused_must_use)]
use aiotools::move_on_after;

fn main() {
    move_on_after(std::time::Duration::ZERO, async |_| ());
}
