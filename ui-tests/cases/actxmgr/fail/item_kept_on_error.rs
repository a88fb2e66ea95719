use aiotools::actxmgr;

#[actxmgr(colour = "red")]
fn number(n: &u32) -> std::io::Result<&mut u32> {
    for _ in 0..*n {
        yield_!(&mut 1);
    }
}

async fn caller() -> std::io::Result<()> {
    let mut guard = number(&1).await?;
    *guard += 1;
    guard.exit().await
}

fn main() {}
