// What both processes must agree on.

export const QUEUE = 'tasks';

/** `host:port` of Redis, as the load generator tells it. */
export const connection = () => {
  const [host, port] = process.env.REDIS_ADDRESS.split(':');
  return { host, port: Number(port), maxRetriesPerRequest: null };
};
