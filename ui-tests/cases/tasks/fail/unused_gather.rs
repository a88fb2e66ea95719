#![deny(unused_must_use)]
use aiotools::gather;

fn main() {
    gather([async {}]);
}
