# The one-off job: a table with three rows, and a page on the shared volume.
import os
import time

import psycopg2


def connect():
    for attempt in range(240):
        try:
            return psycopg2.connect(host=os.environ['DATABASE_HOST'], user='postgres', dbname='postgres')
        except psycopg2.OperationalError:
            time.sleep(0.5)
    raise SystemExit('no database')


connection = connect()
connection.autocommit = True
cursor = connection.cursor()
cursor.execute('CREATE TABLE IF NOT EXISTS words (word text PRIMARY KEY)')
for word in ('alpha', 'beta', 'gamma'):
    cursor.execute('INSERT INTO words VALUES (%s) ON CONFLICT DO NOTHING', (word,))
with open('/pages/made.txt', 'w') as page:
    page.write('made by the job\n')
print('job done')
