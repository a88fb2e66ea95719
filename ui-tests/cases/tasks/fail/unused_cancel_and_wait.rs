#![deny(unused_must_use)]
use aiotools::{TaskHandle, cancel_and_wait};

fn stop(task: TaskHandle<()>) {
    cancel_and_wait(task);
}

fn main() {
    let _ = stop;
}
