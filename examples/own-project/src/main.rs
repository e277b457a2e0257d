//! own-project: the flows in `src/flows`, run by Caudal.

mod flows;

fn main() {
    caudal::run();
}
