use aiotools::adefer;

#[adefer]
struct Work;

fn main() {
    let _ = Work;
}
