#![deny(unused_must_use)]
use aiotools::TaskGroup;

fn main() {
    TaskGroup::builder().name("crawl");
}
