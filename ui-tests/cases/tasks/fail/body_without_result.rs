use aiotools::TaskGroup;

fn main() {
    let _group = TaskGroup::scope(async |tg| {
        drop(tg.spawn(async {}));
    });
}
