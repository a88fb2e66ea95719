use aiotools::TaskContext;

use std::{io, rc::Rc};

fn main() {
    let tasks = TaskContext::new();
    drop(tasks.spawn(async { Ok::<_, io::Error>(Rc::new(1)) }));
}
