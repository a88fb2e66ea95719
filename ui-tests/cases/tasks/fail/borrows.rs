use aiotools::TaskScope;

async fn print(text: &str) {
    TaskScope::scope(async |ts| {
        drop(ts.spawn(async { println!("{text}") }));
    })
    .await;
}

fn main() {
    drop(print(""));
}
