use aiotools::TaskGroup;

use std::rc::Rc;

fn main() {
    let _group = TaskGroup::scope(async |tg| {
        drop(tg.spawn(async {
            let shared = Rc::new(1);
            std::future::ready(()).await;
            drop(shared);
        }));
        Ok(())
    });
}
