//! Makes cargo see a flow's file that is added: `flows_in!` reads the folder, which cargo cannot know.

fn main() {
    println!("cargo::rerun-if-changed=src");
}
