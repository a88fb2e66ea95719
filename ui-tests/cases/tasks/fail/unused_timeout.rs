#![deny(unused_must_use)]
use aiotools::timeout;

fn main() {
    timeout(std::time::Duration::ZERO, async {});
}
