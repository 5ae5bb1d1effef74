// Each compose with the dockerd of its time: what a project does there is what it is to do on our engine.
import { newerDocker } from './newer-docker.ts';
import { type RealDockerd, startRealDockerd } from './real-dockerd.ts';

export interface ComposePair {
  name: string;
  /** Path of the compose program. */
  compose(): Promise<string>;
  dockerd(): Promise<RealDockerd>;
}

export const composePairs: ComposePair[] = [
  { name: 'docker-compose 1.29', compose: async () => '/usr/bin/docker-compose', dockerd: () => startRealDockerd([]) },
  {
    name: 'docker compose 2.40',
    compose: async () => (await newerDocker()).compose,
    dockerd: async () => startRealDockerd([], { programs: await newerDocker() }),
  },
];
