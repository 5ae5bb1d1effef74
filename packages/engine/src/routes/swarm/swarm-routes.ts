// Swarm, nodes, services, tasks, secrets, configs: the answers of an engine that is in no swarm.
import { ContainerError } from '@tscontainer/core/errors';
import type { FastifyInstance } from 'fastify';

const notManager =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

/** Collections that only a manager has: any method, the collection and what is in it. */
export const managed = ['/swarm', '/nodes', '/services', '/tasks', '/secrets', '/configs'];

function refuse(message: string) {
  return async () => {
    throw new ContainerError('unavailable', message, { reason: 'no-swarm' });
  };
}

/** This engine joins none. */
async function refuseSwarmMode() {
  throw new ContainerError('unimplemented', 'swarm mode is not supported by this engine');
}

export function registerSwarmRoutes(app: FastifyInstance): void {
  app.post('/swarm/init', refuseSwarmMode);
  app.post('/swarm/join', refuseSwarmMode);
  app.post('/swarm/leave', refuse('This node is not part of a swarm'));
  const answer = refuse(notManager);
  for (const path of managed) {
    for (const method of ['GET', 'POST', 'DELETE'] as const) {
      app.route({ method, url: path, handler: answer });
      app.route({ method, url: `${path}/*`, handler: answer });
    }
  }
}
