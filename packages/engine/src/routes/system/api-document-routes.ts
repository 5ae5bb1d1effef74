// GET /openapi.json: what this engine serves, described. Nothing of it is in memory until somebody asks.
import type { FastifyInstance } from 'fastify';

export function registerApiDocumentRoutes(app: FastifyInstance): void {
  app.get('/openapi.json', async (request, reply) => {
    const { apiDocument } = await import('../../api/api-document.ts');
    return reply.type('application/json').send(JSON.stringify(apiDocument(request.apiVersion)));
  });
}
