// The page: registers its elements. Each is one file; views stand in index.html, elements are made by views.
import "/static/elements/connection-state.js";
import "/static/elements/json-view.js";
import "/static/elements/moment.js";
import "/static/elements/result-list.js";
import "/static/elements/schema-form.js";
import "/static/elements/step-list.js";
import "/static/elements/task-card.js";
import "/static/elements/task-controls.js";
import "/static/elements/text-streams.js";
import "/static/elements/wait-answer.js";
import "/static/views/recent-view.js";
import "/static/views/start-view.js";
import "/static/views/tasks-view.js";
