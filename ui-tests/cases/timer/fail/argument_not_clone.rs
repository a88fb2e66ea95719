struct Connection;

#[aiotools::timer(interval = "1s")]
async fn tick(connection: Connection) {
    drop(connection);
}

fn main() {}
