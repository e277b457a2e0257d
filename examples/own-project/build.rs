//! Makes cargo see a file that is added to `src/flows`: it is a new flow.

fn main() {
    println!("cargo::rerun-if-changed=src/flows");
}
