use aiotools::TaskGroup;

fn main() {
    let _group = TaskGroup::scope(async |tg| {
        let one = tg.spawn(async { Ok::<_, std::io::Error>(1) });
        Ok(one.await? + one.await?)
    });
}
