use aiotools::defer;

#[defer]
struct Work;

fn main() {
    let _ = Work;
}
