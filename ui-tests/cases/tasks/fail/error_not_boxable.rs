use aiotools::TaskGroup;

struct Full;

fn main() {
    let _group = TaskGroup::scope(async |tg| {
        drop(tg.spawn(async { Err::<(), _>(Full) }));
        Ok(())
    });
}
