//! The admin key that the first web server of an installation makes.

use caudal_tests::{Role, installation, keys_told};

/// Goal: of web servers that start at the same moment one makes the admin key and tells it, and all know it; so do later
/// ones.
#[tokio::test]
async fn one_of_many_makes_the_admin_key() {
    let plan = installation!().webs(0).workers(0).without_postgres().environment("CAUDAL_MAKE_ADMIN_KEY", "true");
    let installation = plan.start().await;
    let setup = || installation.setup(Role::Web);
    let (one, two, three) = tokio::join!(setup().start(), setup().start(), setup().start());
    let later = setup().start().await;
    let webs = [one, two, three, later];
    let told: Vec<String> = webs.iter().flat_map(|web| keys_told(&web.log())).collect();
    let [key] = &told[..] else { panic!("{told:?}") };
    for web in &webs {
        let client = web.client();
        let seen = client.send(client.request("GET", "/tasks").bearer_auth(key)).await;
        assert_eq!(seen.status, 200, "{seen:?}");
    }
}
