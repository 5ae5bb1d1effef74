// Turns what the services did into containerd's event messages and publishes them.

import { ContainerError } from '@tscontainer/core/errors';
import { loadMessage } from '@tscontainer/platform/contract-loader';
import type { EventExchange } from './event-exchange.ts';
import { fileOfEvent } from './event-fields.ts';

export class EventPublisher {
  readonly #exchange: EventExchange;

  constructor(exchange: EventExchange) {
    this.#exchange = exchange;
  }

  /** `typeName`: e.g. `containerd.events.ContainerCreate`; `message` has that type's fields. */
  publish(namespace: string, topic: string, typeName: string, message: object): void {
    const file = fileOfEvent(typeName);
    if (file === undefined) throw new ContainerError('internal', `publish ${topic}: no event type ${typeName}`);
    const encoded = () => ({ typeUrl: typeName, value: loadMessage(file, typeName).encode(message) });
    this.#exchange.publishEncoded(namespace, topic, encoded);
  }
}
